#include "crypto/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ox::crypto {
namespace {

struct Vector {
  std::string message;
  std::string_view digest;
};

// FIPS 180-4 examples and NIST CAVS 11.0 SHA256ShortMsg vectors.
std::vector<Vector> vectors() {
  return {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
       "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
      {"\x11\xaf", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
}

TEST(Sha256, KnowsThePublishedVectors) {
  for (const Vector& vector : vectors()) {
    EXPECT_EQ(sha256(as_bytes_view(vector.message)).to_hex(), vector.digest);
  }
}

TEST(Sha256, TheDigestDoesNotDependOnHowTheBytesArrive) {
  for (const Vector& vector : vectors()) {
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{65'537}}) {
      Sha256 hash;
      std::string_view rest = vector.message;
      while (!rest.empty()) {
        hash.update(as_bytes_view(rest.substr(0, piece)));
        rest.remove_prefix(std::min(piece, rest.size()));
      }
      EXPECT_EQ(hash.finish().to_hex(), vector.digest) << "in pieces of " << piece;
    }
  }
}

TEST(Sha256, TellsTheDigestOnTheWay) {
  Sha256 hash;
  EXPECT_EQ(hash.so_far(), sha256({}));
  std::string text;
  for (const std::string_view piece : {"first", "second", "third"}) {
    hash.update(as_bytes_view(piece));
    text += piece;
    EXPECT_EQ(hash.so_far(), sha256(as_bytes_view(text)));
    EXPECT_EQ(hash.so_far(), sha256(as_bytes_view(text))) << "asked again";
  }
  EXPECT_EQ(hash.finish(), sha256(as_bytes_view(text)));
}

TEST(Sha256, IsAsNewAfterFinish) {
  Sha256 hash;
  hash.update(as_bytes_view("something else"));
  (void)hash.finish();
  EXPECT_EQ(hash.finish(), sha256({})) << "a second finish hashes no bytes";
  hash.update(as_bytes_view("abc"));
  EXPECT_EQ(hash.finish(), sha256(as_bytes_view("abc")));
}

TEST(Sha256, EmptyUpdatesChangeNothing) {
  Sha256 hash;
  hash.update({});
  hash.update(as_bytes_view("abc"));
  hash.update({});
  EXPECT_EQ(hash.finish(), sha256(as_bytes_view("abc")));
}

TEST(Sha256, AMoveTakesWhatWasHashedSoFar) {
  Sha256 first;
  first.update(as_bytes_view("ab"));
  Sha256 second = std::move(first);
  second.update(as_bytes_view("c"));
  EXPECT_EQ(second.finish(), sha256(as_bytes_view("abc")));
}

TEST(Sha256, ThreadsDoNotDisturbEachOther) {
  const Digest expected = sha256(as_bytes_view("abc"));
  std::vector<int> wrong(4, 0);
  {
    std::vector<std::jthread> threads;
    threads.reserve(wrong.size());
    for (int& count : wrong) {
      threads.emplace_back([&count, &expected] {
        for (int i = 0; i < 1000; ++i) {
          count += sha256(as_bytes_view("abc")) == expected ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace ox::crypto
