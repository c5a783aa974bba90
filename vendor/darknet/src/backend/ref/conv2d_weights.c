/* conv2d_weights.c — dw[f,c,u,v] += Σ_{n,i,j} dy[n,f,i,j] · x[n,c,r,k] with r = i·stride_y − pad + u·dilation and
 * k = j·stride_x − pad + v·dilation inside the image. */
#include "backend/ref/ref.h"

typedef struct correlation { /* one image, one filter, one channel */
    const dn_op_conv2d *params;
    const float *x, *dy;
    dn_shape in, out;
} correlation;

static double cell(const correlation *job, int u, int v) {
    const dn_op_conv2d *const p = job->params;
    double sum = 0.0;
    for (int i = 0; i < job->out.h; i++) {
        const int64_t row = (int64_t)i * p->stride_y - p->pad + (int64_t)u * p->dilation;
        if (row < 0 || row >= job->in.h) continue;
        for (int j = 0; j < job->out.w; j++) {
            const int64_t column = (int64_t)j * p->stride_x - p->pad + (int64_t)v * p->dilation;
            if (column < 0 || column >= job->in.w) continue;
            sum += (double)job->dy[i * job->out.w + j] * (double)job->x[row * job->in.w + column];
        }
    }
    return sum;
}

/* One image: dw of all filters. */
static void add_image(const dn_op_conv2d *p, const float *x, dn_shape in, const float *dy, dn_shape out, float *dw) {
    const int channels = in.c / p->groups, filters = out.c / p->groups;
    correlation job = {.params = p, .in = in, .out = out};
    for (int f = 0; f < out.c; f++) {
        job.dy = dy + (size_t)f * (size_t)out.h * (size_t)out.w;
        for (int c = 0; c < channels; c++) {
            job.x = x + (size_t)(f / filters * channels + c) * (size_t)in.h * (size_t)in.w;
            for (int u = 0; u < p->size; u++) {
                for (int v = 0; v < p->size; v++) *dw++ += (float)cell(&job, u, v);
            }
        }
    }
}

void dn_ref_conv2d_weights(const dn_ref_call *call) {
    const dn_shape in = call->inputs[0].shape, out = call->inputs[1].shape;
    for (size_t n = 0; n < (size_t)out.n; n++) {
        add_image(&call->op->as.conv2d_weights, call->inputs[0].data + n * (size_t)dn_shape_image(in), in,
                  call->inputs[1].data + n * (size_t)dn_shape_image(out), out, call->outputs[0].data);
    }
}
