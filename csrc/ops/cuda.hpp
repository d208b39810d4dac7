#pragma once
#include <string>
#include <vector>

// What the CUDA side can say about itself. csrc/cuda/absent.cpp answers where no CUDA compiler was
// at hand.
namespace ef {

struct CudaDevice {
  std::string name;
  int compute_capability;  // 90 for 9.0
  long long memory_bytes;
  int compiled_for;  // architecture of the machine code or PTX that ran on it; 0: nothing in this
                     // build runs there
};

// The devices of this machine; empty where there is no driver or no device. `problem` says why.
std::vector<CudaDevice> cuda_devices(std::string* problem);

}  // namespace ef
