#pragma once

#include <string>
#include <string_view>

namespace ox {

/// What went wrong, as a closed list. Callers decide by the code, never by the text.
enum class Code {
  kNotFound,            ///< The thing is known not to be there.
  kExists,              ///< Something stands where nothing was expected.
  kPreconditionFailed,  ///< The thing is there, but is not the version that was expected.
  kBusy,                ///< In use by someone else right now (a lease, a lock, an open writer).
  kLocked,              ///< Another run of ours holds the rule.
  kPermissionDenied,
  kNoSpace,   ///< Disk, quota or inode table full.
  kReadOnly,  ///< The whole store refuses writes.
  kNotADirectory,
  kIsADirectory,
  kNotEmpty,
  kNameInvalid,      ///< The store cannot hold this name.
  kUnsupported,      ///< The store cannot do this at all.
  kUnreachable,      ///< Unknown whether the thing is there: the store did not answer.
  kCorrupt,          ///< Bytes are not what their digest or format says.
  kInvalidArgument,  ///< The caller's input is wrong.
  kCancelled,        ///< The stop token was asked to stop.
  kHeld,             ///< A budget holds the operation until it is approved.
  kIo,               ///< Any other failure of a store.
};

/// Whether trying the same call again can help. Belongs to the error, never to its text.
enum class Retry {
  kNever,
  kLater,  ///< Transient: the same call may succeed after a pause.
};

/// A failure as data: code, retry class, a sentence for a person, and the thing it was about.
class Error {
 public:
  Error(Code code, std::string message, Retry retry = Retry::kNever);

  /// Makes an error from `errno`. `what` is the action ("open", "rename"), `context` the path.
  static Error from_errno(int number, std::string_view what, std::string_view context);

  Code code() const { return code_; }
  Retry retry() const { return retry_; }
  const std::string& message() const { return message_; }
  const std::string& context() const { return context_; }

  /// The same error, told about `context` (usually a path) when it has none yet.
  Error with_context(std::string_view context) &&;

  /// "message: context", as shown to a person.
  std::string to_string() const;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  Code code_;
  Retry retry_;
  std::string message_;
  std::string context_;
};

/// The stable lower-case name of a code ("not_found"), used in JSON.
std::string_view name_of(Code code);

}  // namespace ox
