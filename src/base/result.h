#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/expects.h"

namespace ox {

/// A value or an Error. Unlike a plain std::expected it cannot be dropped silently.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : inner_(std::move(value)) {}
  Result(Error error) : inner_(std::unexpect, std::move(error)) {}

  bool ok() const { return inner_.has_value(); }
  explicit operator bool() const { return ok(); }

  T& value() & {
    expects(ok());
    return *inner_;
  }
  const T& value() const& {
    expects(ok());
    return *inner_;
  }
  T value() && {
    expects(ok());
    return std::move(*inner_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    expects(!ok());
    return inner_.error();
  }
  Error error() && {
    expects(!ok());
    return std::move(inner_.error());
  }
  bool failed_with(Code code) const { return !ok() && inner_.error().code() == code; }

 private:
  std::expected<T, Error> inner_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : inner_(std::unexpect, std::move(error)) {}

  bool ok() const { return inner_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    expects(!ok());
    return inner_.error();
  }
  Error error() && {
    expects(!ok());
    return std::move(inner_.error());
  }
  bool failed_with(Code code) const { return !ok() && inner_.error().code() == code; }

 private:
  std::expected<void, Error> inner_;
};

/// For a result that truly may be ignored; `why` is for the reader.
template <typename T>
void ignore(const Result<T>&, [[maybe_unused]] const char* why) {}

}  // namespace ox

/// Returns the error of a Result<void> expression from the enclosing function.
#define TRY(expression)                                     \
  do {                                                      \
    if (auto try_result = (expression); !try_result.ok()) { \
      return std::move(try_result).error();                 \
    }                                                       \
  } while (false)

#define OX_CONCAT_INNER(a, b) a##b
#define OX_CONCAT(a, b) OX_CONCAT_INNER(a, b)

/// `TRY_ASSIGN(auto x, f());` declares x from the value of f(), or returns its error.
#define TRY_ASSIGN(declaration, expression)                     \
  auto OX_CONCAT(try_result_, __LINE__) = (expression);         \
  if (!OX_CONCAT(try_result_, __LINE__).ok()) {                 \
    return std::move(OX_CONCAT(try_result_, __LINE__)).error(); \
  }                                                             \
  declaration = std::move(OX_CONCAT(try_result_, __LINE__)).value()
