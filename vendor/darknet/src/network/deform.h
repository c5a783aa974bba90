/* deform.h — groups of filters that are deformed copies of the first one, while they learn. */
#ifndef DN_NETWORK_DEFORM_H
#define DN_NETWORK_DEFORM_H

#include "plan/plan.h"

typedef struct dn_deform {
    int groups;  /* of filters; 0: none is a copy */
    int kernels; /* of size × size, in a group    */
    int size;
    int kind;     /* deform.c                      */
    double angle; /* degrees                       */
} dn_deform;

/* Of the slot in the update number `iteration`: until half of max_batches. */
dn_deform dn_deform_of(const dn_plan *plan, const dn_slot *slot, uint64_t iteration);
/* The gradient of the first group becomes that of all groups by its weights, their mean; the others' becomes 0. */
void dn_deform_gather(const dn_deform *deform, float *gradient);
/* The other groups become copies of the first, after an update; what it left of the gradient (momentum) is made ready for
 * the next dn_deform_gather, where `again`. */
void dn_deform_spread(const dn_deform *deform, float *weights, float *gradient, bool again);

#endif
