#include "cpu/moments/kernel.hpp"
#include "cpu/moments/panels.hpp"

namespace ef {

size_t moments_workspace(const MomentsArgs& args) { return MomentsPanels::bytes(args); }

void moments_cpu(const MomentsArgs& args) { EF_DISPATCH(moments_kernel, args); }

}  // namespace ef
