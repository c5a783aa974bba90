/* emulated.h — what a test sets on the emulated device, and asks of it. Beside the fakes of CUDA's own headers, in C so
 * that Python's ctypes reaches it. */
#ifndef EMULATED_H
#define EMULATED_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EMULATED_API __attribute__((visibility("default")))

EMULATED_API void emulated_set_devices(int count);          /* 0: none; −1: there is no driver. At first 1    */
EMULATED_API void emulated_set_memory(size_t bytes);        /* of each device. At first 8 GiB                 */
EMULATED_API void emulated_set_convolutions(int supported); /* 0: cuDNN has an algorithm for none. At first 1 */
EMULATED_API void emulated_fail_launch(int number); /* the launch that fails, counted from 0; −1: none. At first −1 */

EMULATED_API size_t emulated_memory_used(void);    /* of all devices, now                 */
EMULATED_API size_t emulated_launches(void);       /* kernels and calls of libraries run  */
EMULATED_API size_t emulated_graph_launches(void); /* cudaGraphLaunch                     */
EMULATED_API size_t emulated_copied_bytes(void);   /* between host and device, both ways  */
EMULATED_API int emulated_current_device(void);    /* of the calling thread                */

#ifdef __cplusplus
}
#endif

#endif
