#include "cuda/launch.cuh"
#include "ops/cuda.hpp"

namespace ef {
namespace {

// Says which of the compiled architectures the driver picked for this device.
__global__ void compiled_architecture(int* out) {
#if defined(__CUDA_ARCH__)
  *out = __CUDA_ARCH__ / 10;
#endif
}

int architecture_that_runs() {
  int* on_device = nullptr;
  int answer = 0;
  if (cudaMalloc(&on_device, sizeof(int)) != cudaSuccess) return 0;
  try {
    launch(compiled_architecture, dim3(1), dim3(1), 0, nullptr, on_device);
    check_cuda(cudaMemcpy(&answer, on_device, sizeof(int), cudaMemcpyDeviceToHost), "cudaMemcpy");
  } catch (const std::runtime_error&) {
    answer = 0;  // no code in this build fits the device
  }
  cudaFree(on_device);
  cudaGetLastError();  // a failed probe must not show up in the caller's next check
  return answer;
}

}  // namespace

std::vector<CudaDevice> cuda_devices(std::string* problem) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    *problem = cudaGetErrorString(status);
    cudaGetLastError();
    return {};
  }
  int before = 0;
  cudaGetDevice(&before);
  std::vector<CudaDevice> devices;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
    check_cuda(cudaSetDevice(i), "cudaSetDevice");
    devices.push_back({properties.name, properties.major * 10 + properties.minor,
                       static_cast<long long>(properties.totalGlobalMem),
                       architecture_that_runs()});
  }
  cudaSetDevice(before);
  return devices;
}

}  // namespace ef
