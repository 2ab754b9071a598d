#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"

namespace ox {
namespace {

TEST(Error, ReadsAsASentence) {
  const Error plain(Code::kIo, "it broke");
  EXPECT_EQ(plain.to_string(), "it broke");
  EXPECT_EQ(Error(Code::kIo, "it broke").with_context("a/b").to_string(), "it broke: a/b");
  EXPECT_EQ(plain.retry(), Retry::kNever);
}

TEST(Error, TheFirstContextStays) {
  const Error error = Error(Code::kIo, "it broke").with_context("inner").with_context("outer");
  EXPECT_EQ(error.context(), "inner");
  EXPECT_EQ(Error(Code::kIo, "x").with_context("").with_context("later").context(), "later");
}

TEST(Error, FromErrnoTellsWhatCallersDecideBy) {
  struct Meaning {
    int number;
    Code code;
    Retry retry;
  };
  for (const Meaning& meaning : {Meaning{ENOENT, Code::kNotFound, Retry::kNever},
                                 Meaning{EEXIST, Code::kExists, Retry::kNever},
                                 Meaning{ENOSPC, Code::kNoSpace, Retry::kNever},
                                 Meaning{EACCES, Code::kPermissionDenied, Retry::kNever},
                                 Meaning{EROFS, Code::kReadOnly, Retry::kNever},
                                 Meaning{ENOTEMPTY, Code::kNotEmpty, Retry::kNever},
                                 Meaning{ENAMETOOLONG, Code::kNameInvalid, Retry::kNever},
                                 Meaning{EXDEV, Code::kUnsupported, Retry::kNever},
                                 Meaning{EBUSY, Code::kBusy, Retry::kLater},
                                 // Never "not found": whether the thing is there is not known.
                                 Meaning{ESTALE, Code::kUnreachable, Retry::kLater},
                                 Meaning{ENOTCONN, Code::kUnreachable, Retry::kLater},
                                 Meaning{EIO, Code::kIo, Retry::kNever}}) {
    const Error error = Error::from_errno(meaning.number, "open", "a");
    EXPECT_EQ(error.code(), meaning.code) << error.to_string();
    EXPECT_EQ(error.retry(), meaning.retry) << error.to_string();
    EXPECT_TRUE(error.message().starts_with("open: ")) << error.message();
    EXPECT_EQ(error.context(), "a");
  }
}

TEST(Error, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kIo); ++code) {
    names.insert(name_of(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::kIo) + 1);
  EXPECT_EQ(name_of(Code::kNotFound), "not_found");
}

Result<int> half(int number) {
  if (number % 2 != 0) {
    return Error(Code::kInvalidArgument, "odd");
  }
  return number / 2;
}

Result<int> quarter(int number) {
  TRY_ASSIGN(const int first, half(number));
  TRY_ASSIGN(const int second, half(first));
  return second;
}

Result<void> must_be_even(int number) {
  TRY(half(number));
  return {};
}

TEST(Result, PassesValuesAndErrorsOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_TRUE(quarter(6).failed_with(Code::kInvalidArgument));
  EXPECT_FALSE(quarter(8).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(must_be_even(2).ok());
  EXPECT_EQ(must_be_even(1).error().message(), "odd");
}

TEST(Result, CarriesWhatOnlyMoves) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ResultDeathTest, AskingForWhatIsNotThereIsABug) {
  EXPECT_DEATH((void)half(1).value(), "contract violated");
  EXPECT_DEATH((void)half(2).error(), "contract violated");
  EXPECT_DEATH((void)must_be_even(2).error(), "contract violated");
}

}  // namespace
}  // namespace ox
