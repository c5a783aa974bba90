/* forms.h — weights as a network computes with them, where that is not as they are: dn_weights_form. */
#ifndef DN_NETWORK_FORMS_H
#define DN_NETWORK_FORMS_H

#include "darknet/darknet.h"

/* One slot of a network that may have another form. */
typedef struct dn_formed {
    int slot;
    float *values;    /* in that form; NULL before it is needed */
    uint64_t version; /* of the weights they were made from     */
} dn_formed;

/* The network's table of them, by its first plan; empty where all weights are computed with as they are. */
dn_status dn_forms_create(dn_network *network, const dn_plan *plan, dn_error *err);
void dn_forms_free(dn_network *network);
uint64_t dn_forms_bytes(const dn_network *network);
/* After dn_weights_versions: network->parameters as the backend is to see them. */
dn_status dn_forms_refresh(dn_network *network, dn_error *err);

#endif
