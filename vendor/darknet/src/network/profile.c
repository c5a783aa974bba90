/* profile.c — a forward whose steps are timed. */
#include <string.h>

#include "network/network.h"

dn_status dn_network_profile(dn_network *network, const float *input, int images, dn_profile_step *steps, int room,
                             int *count, dn_error *err) {
    const dn_backend_type *type = dn_backend_get(network->backend)->type;
    if (!type->profile) {
        return dn_fail(err, DN_E_UNSUPPORTED, "the backend \"%s\" does not time its steps; use \"cpu\"", type->name);
    }
    if (room > 0) memset(steps, 0, (size_t)room * sizeof *steps);
    dn_profile profile = {.steps = steps, .room = room};
    network->profile = &profile;
    const dn_status status = dn_network_forward(network, input, images, err);
    network->profile = NULL;
    *count = profile.count;
    return status;
}
