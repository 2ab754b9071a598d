#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/expects.h"

namespace ox {

/// An optional for what is mostly not there: 8 bytes then, and as little work.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::nullopt_t) {}
  Boxed(T value) : box_(std::make_unique<T>(std::move(value))) {}
  Boxed(const Boxed& other) : box_(other.box_ ? std::make_unique<T>(*other.box_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    if (this != &other) {
      box_ = other.box_ ? std::make_unique<T>(*other.box_) : nullptr;
    }
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  bool has_value() const { return box_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  /// Contract of all four: has_value().
  T& operator*() { return *get(); }
  const T& operator*() const { return *get(); }
  T* operator->() { return get(); }
  const T* operator->() const { return get(); }
  void reset() { box_.reset(); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.has_value() == b.has_value() && (!a.has_value() || *a == *b);
  }

 private:
  T* get() const {
    expects(has_value());
    return box_.get();
  }

  std::unique_ptr<T> box_;
};

/// A text that is mostly empty.
class RareText {
 public:
  RareText() = default;
  template <typename Text>
    requires std::is_convertible_v<Text, std::string_view>
  RareText(Text&& text) {  // NOLINT(bugprone-forwarding-reference-overload): it is constrained
    if (!std::string_view(text).empty()) {
      box_ = std::string(std::forward<Text>(text));
    }
  }

  bool empty() const { return !box_.has_value(); }
  std::size_t size() const { return view().size(); }
  std::string_view view() const { return empty() ? std::string_view() : std::string_view(*box_); }
  std::string text() const { return std::string(view()); }
  operator std::string_view() const { return view(); }

  friend bool operator==(const RareText& a, const RareText& b) { return a.view() == b.view(); }
  template <typename Text>
    requires(std::is_convertible_v<const Text&, std::string_view> &&
             !std::is_same_v<Text, RareText>)
  friend bool operator==(const RareText& a, const Text& b) {
    return a.view() == std::string_view(b);
  }
  friend auto operator<=>(const RareText& a, const RareText& b) { return a.view() <=> b.view(); }

 private:
  Boxed<std::string> box_;
};

}  // namespace ox
