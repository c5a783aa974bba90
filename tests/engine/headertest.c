/* headertest.c — the public header compiles alone as C. */
#include "darknet/darknet.h"

#include "darknet/darknet.h" /* and twice */

int dn_headertest_c(void);
int dn_headertest_c(void) {
    dn_options options = DN_OPTIONS_INIT;
    dn_plan_options plan = DN_PLAN_OPTIONS_INIT;
    dn_network_options network = DN_NETWORK_OPTIONS_INIT;
    dn_detect_options detect = DN_DETECT_OPTIONS_INIT;
    return (int)(options.struct_size + plan.struct_size + network.struct_size + detect.struct_size);
}
