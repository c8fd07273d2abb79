// The errors that fovea throws: one base type, one type for each thing a user can do about it.
#pragma once

#include <stdexcept>
#include <string>

namespace fovea {

// Base of everything fovea throws. what() names what was expected and what was found.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A file cannot be opened, read or written. what() begins with the path.
class io_error : public error {
public:
    using error::error;
};

// Bytes that are not a valid file of their format: truncated, corrupt, hostile or of an unsupported kind.
class format_error : public error {
public:
    using error::error;
};

// Weights that do not fit the model: missing, unexpected or mis-shaped keys, all of them in one message.
class weights_error : public error {
public:
    using error::error;
};

// An argument outside what a function accepts: a wrong shape, an empty image, a NaN threshold.
class input_error : public error {
public:
    using error::error;
};

} // namespace fovea
