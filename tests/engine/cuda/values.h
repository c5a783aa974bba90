/* values.h — values by chance, and as they lie on the device: float32, int32, half and bfloat16 to the nearest, ties to
 * even, as IEEE 754 has them and not by CUDA's headers. */
#ifndef COMPARE_VALUES_H
#define COMPARE_VALUES_H

#include "compare.h"

namespace compare {

void restart_random();
floats random_values(dn_shape shape, float low, float high);

size_t size_of(holds what, dn_cuda_type type); /* of one value on the device */
std::vector<unsigned char> encode(const floats &values, holds what, dn_cuda_type type);
floats decode(const std::vector<unsigned char> &bytes, size_t count, holds what, dn_cuda_type type);
floats rounded(const floats &values, holds what, dn_cuda_type type); /* to what the device can hold */

} // namespace compare

#endif
