#pragma once
#include <cstddef>

namespace ef {

// Asks for huge pages behind memory that nobody has written yet: its first writing then costs one fault
// for 2 MiB instead of one for 4 KiB. Does nothing where the system has none, and for less than 4 MiB.
void advise_huge_pages(void* memory, size_t bytes);

}  // namespace ef
