#include "base/rel_path.h"

#include <cstring>

namespace ox {

namespace {

constexpr std::size_t kMaxNameBytes = 4096;

/// As rfind, which looks at one byte at a time.
std::size_t last_slash(std::string_view text) {
  const void* const found = text.empty() ? nullptr : ::memrchr(text.data(), '/', text.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Result<RelPath> RelPath::parse(std::string_view text) {
  RelPath path;
  if (text.empty()) {
    return path;
  }
  std::string_view rest = text;
  while (true) {
    const std::size_t slash = rest.find('/');
    if (!is_valid_name(rest.substr(0, slash))) {
      return Error(Code::kInvalidArgument, "not a relative path").with_context(text);
    }
    if (slash == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(slash + 1);
  }
  path.text_ = text;
  return path;
}

RelPath RelPath::of_names(std::span<const std::string_view> last_first) {
  std::size_t size = last_first.size();
  for (const std::string_view name : last_first) {
    size += name.size();
  }
  RelPath path;
  path.text_.reserve(size);
  for (std::size_t k = last_first.size(); k-- > 0;) {
    expects(is_valid_name(last_first[k]));
    if (!path.text_.empty()) {
      path.text_ += '/';
    }
    path.text_ += last_first[k];
  }
  return path;
}

std::string_view RelPath::name() const {
  const std::size_t slash = last_slash(text_);
  return slash == std::string::npos ? std::string_view(text_)
                                    : std::string_view(text_).substr(slash + 1);
}

RelPath RelPath::parent() const {
  RelPath result;
  if (const std::size_t slash = last_slash(text_); slash != std::string::npos) {
    result.text_ = text_.substr(0, slash);
  }
  return result;
}

RelPath RelPath::child(std::string_view name) const {
  expects(is_valid_name(name));
  RelPath result;
  result.text_.reserve(text_.size() + name.size() + 1);
  result.text_ = text_;
  if (!text_.empty()) {
    result.text_ += '/';
  }
  result.text_ += name;
  return result;
}

RelPath RelPath::join(const RelPath& below) const {
  if (below.is_root()) {
    return *this;
  }
  RelPath result = *this;
  if (!result.text_.empty()) {
    result.text_ += '/';
  }
  result.text_ += below.text_;
  return result;
}

bool RelPath::contains(const RelPath& other) const {
  if (is_root()) {
    return true;
  }
  return other.text_.starts_with(text_) &&
         (other.text_.size() == text_.size() || other.text_[text_.size()] == '/');
}

std::string_view RelPath::first() const {
  expects(!is_root());
  return std::string_view(text_).substr(0, text_.find('/'));
}

RelPath RelPath::after_first() const {
  expects(!is_root());
  RelPath result;
  if (const std::size_t slash = text_.find('/'); slash != std::string::npos) {
    result.text_ = text_.substr(slash + 1);
  }
  return result;
}

}  // namespace ox
