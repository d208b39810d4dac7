#pragma once
#include <stdexcept>

namespace ef {

// The caller asked to stop (Ctrl-C). The output is incomplete; the binding raises
// KeyboardInterrupt.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

}  // namespace ef
