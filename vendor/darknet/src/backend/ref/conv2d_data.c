/* conv2d_data.c — dx[n,c,r,k] = Σ w[f,c,u,v] · dy[n,f,i,j] over all (f, u, v, i, j) with r = i·stride_y − pad +
 * u·dilation and k = j·stride_x − pad + v·dilation. */
#include "backend/ref/accumulate.h"

typedef struct scatter { /* one image, one filter, one channel */
    const dn_op_conv2d *params;
    const float *dy;
    float *dx;
    dn_shape in, out;
} scatter;

static void add_cell(const scatter *job, int u, int v, float w) {
    const dn_op_conv2d *const p = job->params;
    for (int i = 0; i < job->out.h; i++) {
        const int64_t row = (int64_t)i * p->stride_y - p->pad + (int64_t)u * p->dilation;
        if (row < 0 || row >= job->in.h) continue;
        for (int j = 0; j < job->out.w; j++) {
            const int64_t column = (int64_t)j * p->stride_x - p->pad + (int64_t)v * p->dilation;
            if (column < 0 || column >= job->in.w) continue;
            job->dx[row * job->in.w + column] += w * job->dy[i * job->out.w + j];
        }
    }
}

static void add_image(const dn_op_conv2d *p, const float *w, const float *dy, dn_shape out, float *dx, dn_shape in) {
    const int channels = in.c / p->groups, filters = out.c / p->groups;
    scatter job = {.params = p, .in = in, .out = out};
    for (int f = 0; f < out.c; f++) {
        job.dy = dy + (size_t)f * (size_t)out.h * (size_t)out.w;
        for (int c = 0; c < channels; c++) {
            job.dx = dx + (size_t)(f / filters * channels + c) * (size_t)in.h * (size_t)in.w;
            for (int u = 0; u < p->size; u++) {
                for (int v = 0; v < p->size; v++) add_cell(&job, u, v, *w++);
            }
        }
    }
}

void dn_ref_conv2d_data(const dn_ref_call *call) {
    const float *const weights = call->state->weights != NULL ? call->state->weights : call->inputs[1].data;
    const dn_shape out = call->inputs[0].shape, in = call->outputs[0].shape;
    dn_ref_begin(call, &call->outputs[0]);
    for (size_t n = 0; n < (size_t)out.n; n++) {
        add_image(&call->op->as.conv2d_data, weights, call->inputs[0].data + n * (size_t)dn_shape_image(out), out,
                  call->outputs[0].data + n * (size_t)dn_shape_image(in), in);
    }
}
