// Errors name the operation, the argument, what was expected and what came. Checks stand at the public boundary only.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace convscope {

template <class... Parts>
[[noreturn]] void throw_invalid(const char* operation, const Parts&... parts) {
    std::ostringstream message;
    message << operation << ": ";
    (message << ... << parts);
    throw std::invalid_argument(message.str());
}

template <class... Parts>
void require(bool holds, const char* operation, const Parts&... parts) {
    if (!holds) throw_invalid(operation, parts...);
}

}  // namespace convscope
