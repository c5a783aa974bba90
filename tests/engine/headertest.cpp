// headertest.cpp — the public header compiles alone as C++, and its functions have C linkage.
#include "darknet/darknet.h"

#include "darknet/darknet.h" // and twice

int dn_headertest_cpp();
int dn_headertest_cpp() {
    dn_options options = DN_OPTIONS_INIT;
    dn_plan_options plan = DN_PLAN_OPTIONS_INIT;
    dn_network_options network = DN_NETWORK_OPTIONS_INIT;
    dn_detect_options detect = DN_DETECT_OPTIONS_INIT;
    return static_cast<int>(options.struct_size + plan.struct_size + network.struct_size + detect.struct_size);
}
