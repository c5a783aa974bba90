/* blur.h — the fixed smoothing that antialiasing= puts in place of a stride. */
#ifndef DN_LAYERS_BLUR_H
#define DN_LAYERS_BLUR_H

#include "layers/layer.h"

typedef struct dn_blur {
    int size; /* 3: (1 2 1)⊗(1 2 1)/16; 2: four quarters; 0: none */
    int pad, stride_x, stride_y;
} dn_blur;

/* antialiasing= 1 gives size 3, 2 gives size 2. */
dn_blur dn_blur_make(int antialiasing, int stride_x, int stride_y);
dn_status dn_blur_shape(const dn_blur *blur, dn_shape in, dn_shape *out, dn_error *err);
/* `blur` must live as long as the plan. */
dn_status dn_emit_blur(dn_emit *emit, int x, const dn_blur *blur, dn_shape shape, int *out);

#endif
