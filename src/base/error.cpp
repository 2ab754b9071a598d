#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/expects.h"

namespace ox {

void contract_violated(std::source_location where) {
  std::fprintf(stderr, "contract violated at %s:%u in %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name());
  std::abort();
}

Error::Error(Code code, std::string message, Retry retry)
    : code_(code), retry_(retry), message_(std::move(message)) {}

namespace {

struct Meaning {
  Code code;
  Retry retry;
};

Meaning meaning_of_errno(int number) {
  switch (number) {
    case ENOENT:
      return {Code::kNotFound, Retry::kNever};
    case EEXIST:
      return {Code::kExists, Retry::kNever};
    case EACCES:
    case EPERM:
      return {Code::kPermissionDenied, Retry::kNever};
    case ENOSPC:
    case EDQUOT:
      return {Code::kNoSpace, Retry::kNever};
    case EROFS:
      return {Code::kReadOnly, Retry::kNever};
    case ENOTDIR:
    case ELOOP:
      return {Code::kNotADirectory, Retry::kNever};
    case EISDIR:
      return {Code::kIsADirectory, Retry::kNever};
    case ENOTEMPTY:
      return {Code::kNotEmpty, Retry::kNever};
    case ENAMETOOLONG:
    case EILSEQ:
      return {Code::kNameInvalid, Retry::kNever};
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
    case EXDEV:
    case ENOTTY:
      return {Code::kUnsupported, Retry::kNever};
    case EBUSY:
    case ETXTBSY:
    case EAGAIN:
    case EINTR:
      return {Code::kBusy, Retry::kLater};
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOTCONN:
    case ESTALE:
    case ETIMEDOUT:
      return {Code::kUnreachable, Retry::kLater};
    default:
      return {Code::kIo, Retry::kNever};
  }
}

}  // namespace

Error Error::from_errno(int number, std::string_view what, std::string_view context) {
  const Meaning meaning = meaning_of_errno(number);
  std::string message(what);
  message += ": ";
  message += std::strerror(number);
  return Error(meaning.code, std::move(message), meaning.retry).with_context(context);
}

Error Error::with_context(std::string_view context) && {
  if (context_.empty()) {
    context_ = context;
  }
  return std::move(*this);
}

std::string Error::to_string() const {
  return context_.empty() ? message_ : message_ + ": " + context_;
}

std::string_view name_of(Code code) {
  switch (code) {
    case Code::kNotFound:
      return "not_found";
    case Code::kExists:
      return "exists";
    case Code::kPreconditionFailed:
      return "precondition_failed";
    case Code::kBusy:
      return "busy";
    case Code::kLocked:
      return "locked";
    case Code::kPermissionDenied:
      return "permission_denied";
    case Code::kNoSpace:
      return "no_space";
    case Code::kReadOnly:
      return "read_only";
    case Code::kNotADirectory:
      return "not_a_directory";
    case Code::kIsADirectory:
      return "is_a_directory";
    case Code::kNotEmpty:
      return "not_empty";
    case Code::kNameInvalid:
      return "name_invalid";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kUnreachable:
      return "unreachable";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kCancelled:
      return "cancelled";
    case Code::kHeld:
      return "held";
    case Code::kIo:
      return "io";
  }
  contract_violated(std::source_location::current());
}

}  // namespace ox
