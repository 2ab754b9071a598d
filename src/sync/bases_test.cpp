#include "sync/bases.h"

#include "crypto/digest.h"
#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

class Bases : public EngineLab {
 protected:
  static std::string text(int number) { return "line " + std::to_string(number) + "\n"; }
  bool is_kept(const std::string& bytes) {
    return store_->merge_base(crypto::sha256(as_bytes_view(bytes))).value().has_value();
  }
};

TEST_F(Bases, AreDroppedWhenNoSideNamesThemAnyMore) {
  options_.policy.auto_merge = true;
  for (int i = 0; i < 3; ++i) {
    add_replica();
  }
  write(0, "text", text(0));
  write(0, "deleted", "it is deleted on two sides\n");
  run_clean();
  ASSERT_TRUE(is_kept(text(0)));
  // The third is away: what it acknowledged is a base still.
  replicas_[2].provider = nullptr;
  ASSERT_TRUE(stores_[0]->user_remove(at("deleted")).ok());
  for (int number = 1; number <= 100; ++number) {
    write(0, "text", text(number));
    ASSERT_TRUE(run().ok());
  }
  EXPECT_TRUE(is_kept(text(100)));
  EXPECT_TRUE(is_kept(text(0)));
  EXPECT_TRUE(is_kept("it is deleted on two sides\n"));
  EXPECT_FALSE(is_kept(text(1)));
  EXPECT_FALSE(is_kept(text(50)));
  EXPECT_LT(store_->merge_base_digests().value().size(), 100U);
  // It comes back with an edit of its own, which merges on its own base.
  replicas_[2].provider = stores_[2].get();
  write(2, "text", text(0) + "a line of the third\n");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0)["text"], files(2)["text"]);
}

}  // namespace
}  // namespace ox::sync
