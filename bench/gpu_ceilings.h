/* Parts of gpu_ceilings, one function each; every part prints rows and stands alone. */
#ifndef TORC_BENCH_GPU_CEILINGS_H
#define TORC_BENCH_GPU_CEILINGS_H

#include "bench/gpu_rows.h"

/* bench/gpu_ceilings.cu */
void ceilings_fp64(const cudaDeviceProp *p);
void ceilings_tensor(const cudaDeviceProp *p);
void ceilings_launch(const cudaDeviceProp *p);

/* bench/gpu_ceilings_memory.cu */
void ceilings_memory(const cudaDeviceProp *p);
void ceilings_shared(const cudaDeviceProp *p);
void ceilings_cluster(const cudaDeviceProp *p);
void ceilings_multicast(const cudaDeviceProp *p);

#endif
