#include "plan/lab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace ox::toy {

namespace {

/// Up to so many replicas every choice meets every other one.
constexpr std::size_t kWholeProduct = 3;
/// Of five replicas each casting meets some of the 120 orders, the next one the orders after those.
constexpr std::size_t kMaxCount = 5;
constexpr std::size_t kOrderStep = 7;  // shares no divisor with 120: all are met in turn
/// So often a run looks again when it was disturbed.
constexpr int kMaxPasses = 5;

std::string_view word_for(Store store) {
  switch (store) {
    case Store::kLocal:
      return "local";
    case Store::kNetwork:
      return "network";
    case Store::kCloud:
      return "cloud";
    case Store::kMixed:
      return "mixed";
  }
  return "?";
}

std::string text_of(const Object& object) {
  switch (object.kind) {
    case tree::Kind::kFile:
      return object.blob->bytes;
    case tree::Kind::kSymlink:
      return "-> " + object.link_target;
    case tree::Kind::kDirectory:
      return "";
    case tree::Kind::kOther:
      return "special";
  }
  return "";
}

bool matches(const std::string& pattern, const std::string& path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos) {
    return pattern == path;
  }
  const std::string before = pattern.substr(0, star);
  const std::string after = pattern.substr(star + 1);
  return path.size() >= before.size() + after.size() && path.starts_with(before) &&
         path.ends_with(after);
}

/// What a replica holds: files and symlinks, and directories that hold nothing.
std::map<std::string, std::string> leaves(const ToyReplica& replica) {
  std::map<std::string, std::string> found;
  replica.for_each([&](const std::string& path, const Object& object) {
    if (object.kind != tree::Kind::kDirectory) {
      found[path] = text_of(object);
    } else if (object.children.empty()) {
      found[path + "/"] = "";
    }
  });
  return found;
}

/// The texts of big() are told apart by their beginning.
std::string shown(const std::string& text) {
  const std::size_t end = text.find('\n');
  return end == std::string::npos ? text : text.substr(0, end) + "…";
}

std::vector<std::vector<ReplicaIndex>> permutations(std::size_t count) {
  std::vector<ReplicaIndex> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::vector<ReplicaIndex>> all;
  do {
    all.push_back(order);
  } while (std::next_permutation(order.begin(), order.end()));
  return all;
}

/// Which replica plays which role, told apart only by those that act.
std::vector<std::vector<ReplicaIndex>> castings(std::size_t count, std::size_t roles) {
  std::vector<std::vector<ReplicaIndex>> found;
  std::set<std::vector<ReplicaIndex>> acting;
  for (const std::vector<ReplicaIndex>& order : permutations(count)) {
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(roles, count));
    if (acting.insert({order.begin(), end}).second) {
      found.push_back(order);
    }
  }
  return found;
}

/// Stores, shortcuts and listings: what is chosen beside casting and order.
std::vector<Arrangement> all_choices(const std::vector<Store>& stores) {
  std::vector<Arrangement> all;
  for (const Store store : stores) {
    for (const Shortcuts shortcuts : {Shortcuts::kListAll, Shortcuts::kSkipUnchanged}) {
      for (const ListingOrder listing : {ListingOrder::kByName, ListingOrder::kReversed}) {
        all.push_back({.store = store, .shortcuts = shortcuts, .listing = listing});
      }
    }
  }
  return all;
}

/// A number that goes along with nothing that is counted (splitmix64): what it draws is not bound
/// to castings or orders.
std::uint64_t drawn(std::uint64_t number) {
  number = (number + 1) * 0x9E3779B97F4A7C15U;
  number = (number ^ (number >> 30U)) * 0xBF58476D1CE4E5B9U;
  number = (number ^ (number >> 27U)) * 0x94D049BB133111EBU;
  return number ^ (number >> 31U);
}

/// Which of the orders one casting meets.
std::vector<std::size_t> orders_met(std::size_t count, std::size_t orders, std::size_t castings,
                                    std::size_t casting) {
  const bool all = count < kMaxCount;
  // With few castings each meets more, so that together they meet all; else a few are enough.
  const std::size_t met = all ? orders : std::max<std::size_t>(orders / castings, 6);
  std::vector<std::size_t> numbers;
  for (std::size_t k = 0; k < met; ++k) {
    numbers.push_back(all ? k : (casting * met + k) * kOrderStep % orders);
  }
  return numbers;
}

std::vector<Arrangement> arrangements(std::size_t count, std::size_t roles,
                                      const std::vector<Store>& stores) {
  std::vector<Arrangement> all;
  const auto choices = all_choices(stores);
  const auto orders = permutations(count);
  const auto casts = castings(count, roles);
  for (std::size_t c = 0; c < casts.size(); ++c) {
    for (const std::size_t o : orders_met(count, orders.size(), casts.size(), c)) {
      const std::size_t first = drawn(all.size()) % choices.size();
      const std::size_t chosen = count <= kWholeProduct ? choices.size() : 1;
      for (std::size_t k = 0; k < chosen; ++k) {
        all.push_back(choices[(first + k) % choices.size()]);
        all.back().roles = casts[c];
        all.back().order = orders[o];
      }
    }
  }
  return all;
}

}  // namespace

std::string Arrangement::text() const {
  std::string text = std::string(word_for(store)) + ", roles";
  for (const ReplicaIndex replica : roles) {
    text += " " + std::to_string(replica);
  }
  text += ", order";
  for (const ReplicaIndex replica : order) {
    text += " " + std::to_string(replica);
  }
  return text + (shortcuts == Shortcuts::kListAll ? "" : ", unchanged skipped") +
         (listing == ListingOrder::kByName ? "" : ", listed backwards");
}

Abilities abilities_of(Store store, ReplicaIndex replica) {
  constexpr std::array<Store, 3> kKinds{Store::kLocal, Store::kNetwork, Store::kCloud};
  const Store kind = store == Store::kMixed ? kKinds[replica % kKinds.size()] : store;
  Abilities abilities;
  // Labels in another order than the indices, so that nothing can rely on either.
  constexpr std::array<const char*, 6> kLabels{"delta", "alpha", "echo", "bravo", "charlie", "fox"};
  abilities.traits.label = kLabels[replica % kLabels.size()];
  abilities.traits.stable_ids = kind == Store::kLocal;
  abilities.traits.exchange = kind == Store::kLocal;
  abilities.traits.modes = kind != Store::kCloud;
  abilities.traits.xattrs = kind == Store::kLocal;
  abilities.versions = kind == Store::kCloud ? Versions::kRevisions : Versions::kTimes;
  return abilities;
}

std::string copy_of(Lab& lab, std::size_t role) {
  return "a.conflict-" + lab.label(role) + "-*.txt";
}

bool has_content_operations(const plan::Plan& plan) {
  for (const plan::ContentTask& task : plan.content) {
    for (const plan::Operation& operation : task.operations) {
      if (operation.kind == plan::OperationKind::kPut) {
        return true;
      }
    }
  }
  return false;
}

std::string big(std::string_view text) {
  return std::string(text) + "\n" + std::string(1200, '.');
}

namespace {

std::vector<Abilities> abilities_for(const Arrangement& arrangement) {
  std::vector<Abilities> all;
  for (ReplicaIndex i = 0; i < arrangement.roles.size(); ++i) {
    all.push_back(abilities_of(arrangement.store, i));
  }
  return all;
}

plan::Policy ordered(plan::Policy policy, const std::vector<ReplicaIndex>& order) {
  policy.order = order;
  return policy;
}

}  // namespace

Lab::Lab(const Arrangement& arrangement, plan::Policy policy)
    : world(abilities_for(arrangement), ordered(std::move(policy), arrangement.order)),
      arrangement_(arrangement),
      roles_(arrangement.roles) {
  world.shortcuts = arrangement.shortcuts;
  world.listing = arrangement.listing;
}

void Lab::write(std::size_t role, std::string_view path, std::string_view text) {
  EXPECT_TRUE(at(role).write(path, world.blobs->make_text(std::string(text)), world.tick()))
      << path;
}
void Lab::save(std::size_t role, std::string_view path, std::string_view text) {
  EXPECT_TRUE(at(role).save(path, world.blobs->make_text(std::string(text)), world.tick())) << path;
}
void Lab::mkdir(std::size_t role, std::string_view path) {
  EXPECT_TRUE(at(role).make_directory(path, world.tick())) << path;
}
void Lab::rename(std::size_t role, std::string_view from, std::string_view to) {
  EXPECT_TRUE(at(role).rename(from, to, world.tick())) << from << " to " << to;
}
void Lab::remove(std::size_t role, std::string_view path) {
  EXPECT_TRUE(at(role).remove(path, world.tick())) << path;
}
void Lab::chmod(std::size_t role, std::string_view path, std::uint32_t mode) {
  EXPECT_TRUE(at(role).set_mode(path, mode, world.tick())) << path;
}
void Lab::symlink(std::size_t role, std::string_view path, std::string_view target) {
  EXPECT_TRUE(at(role).make_symlink(path, std::string(target), world.tick())) << path;
}
void Lab::copy(std::size_t role, std::string_view from, std::string_view to) {
  EXPECT_TRUE(at(role).copy(from, to, world.tick())) << from << " to " << to;
}

void Lab::touch(std::size_t role, std::string_view path, Timestamp mtime) {
  EXPECT_TRUE(at(role).touch(path, mtime, world.tick())) << path;
}
void Lab::write_silently(std::size_t role, std::string_view path, std::string_view text) {
  const BlobPtr blob = world.blobs->make_text(std::string(text));
  EXPECT_TRUE(at(role).write_silently(path, blob, world.tick())) << path;
}
void Lab::set_unreadable(std::size_t role, std::string_view path, bool unreadable) {
  EXPECT_TRUE(at(role).set_unreadable(path, unreadable)) << path;
}

void Lab::base(std::initializer_list<std::pair<const char*, const char*>> files) {
  for (const auto& [path, text] : files) {
    const std::string_view name = path;
    if (name.ends_with('/')) {
      mkdir(0, name.substr(0, name.size() - 1));
    } else {
      write(0, name, text);
    }
  }
  sync();
}

plan::Plan Lab::run() {
  auto done = world.sync();
  if (!done.ok()) {
    ADD_FAILURE() << done.error().to_string();
    return {};
  }
  return std::move(done).value().plan;
}

plan::Plan Lab::sync() {
  const World before = world;
  plan::Plan done = run();
  if (const auto settled = world.check_settled(); !settled.ok()) {
    std::string pictures;
    for (ReplicaIndex i = 0; i < world.replicas.size(); ++i) {
      pictures += before.replicas[i].traits().label + " before:\n" + before.picture(i) +
                  "after:\n" + world.picture(i);
    }
    ADD_FAILURE() << settled.error().to_string() << "\n" << pictures;
  }
  return done;
}

void Lab::crash_everywhere(Afterwards afterwards) {
  World smooth = world;
  const auto whole = smooth.sync();
  ASSERT_TRUE(whole.ok()) << whole.error().to_string();
  ASSERT_GT(whole->steps, 0U) << "a run that does nothing cannot be broken off";
  for (std::size_t k = 0; k < whole->steps; ++k) {
    World torn = world;
    const auto crashed = torn.sync(k);
    ASSERT_TRUE(crashed.ok()) << "crash after step " << k << ": " << crashed.error().to_string();
    const auto repaired = torn.sync();
    ASSERT_TRUE(repaired.ok()) << "after a crash at step " << k << ": "
                               << repaired.error().to_string();
    const auto settled =
        afterwards == Afterwards::kSettled ? torn.check_settled() : torn.store.check();
    EXPECT_TRUE(settled.ok()) << "after a crash at step " << k << ": "
                              << settled.error().to_string();
    for (ReplicaIndex i = 0; i < world.replicas.size() && !crashed->untold; ++i) {
      EXPECT_EQ(torn.outline(i), smooth.outline(i)) << "after a crash at step " << k;
    }
  }
}

void Lab::beside_every_step(const std::function<void(Lab&)>& act,
                            const std::function<void(Lab&)>& judge) {
  World smooth = world;
  const auto whole = smooth.sync();
  ASSERT_TRUE(whole.ok()) << whole.error().to_string();
  ASSERT_GT(whole->steps, 0U) << "nothing can happen beside a run that does nothing";
  for (std::size_t k = 0; k < whole->steps; ++k) {
    SCOPED_TRACE("beside step " + std::to_string(k));
    Lab busy = *this;
    bool acted = false;
    const auto disturbed = busy.world.sync_beside({.before_step = k, .act = [&] {
                                                     acted = true;
                                                     act(busy);
                                                   }});
    ASSERT_TRUE(disturbed.ok()) << disturbed.error().to_string();
    ASSERT_TRUE(acted);
    for (int pass = 1; pass < kMaxPasses; ++pass) {
      busy.run();
    }
    if (world.policy.mode == plan::Mode::kTwoWay) {
      const auto settled = busy.world.check_settled();
      ASSERT_TRUE(settled.ok()) << settled.error().to_string();
    } else {
      ASSERT_TRUE(busy.run().empty());
    }
    judge(busy);
  }
}

std::size_t Lab::winner_by_order(std::initializer_list<std::string_view> texts,
                                 std::initializer_list<std::size_t> places) const {
  for (const std::size_t place : places) {
    const auto named = std::ranges::find(roles_, world.policy.order[place]);
    const auto role = static_cast<std::size_t>(named - roles_.begin());
    if (role < texts.size()) {
      return role;
    }
  }
  const auto smallest = std::ranges::min_element(texts, {}, [&](std::string_view text) {
    return world.blobs->make_text(std::string(text))->digest;
  });
  return static_cast<std::size_t>(smallest - texts.begin());
}

void Lab::expect_at(std::size_t role,
                    std::initializer_list<std::pair<std::string, std::string>> tree) {
  const std::map<std::string, std::string> found = leaves(at(role));
  std::set<std::string> explained;
  for (const auto& [pattern, text] : tree) {
    const auto hit = std::ranges::find_if(found, [&](const auto& leaf) {
      return !explained.contains(leaf.first) && matches(pattern, leaf.first) && leaf.second == text;
    });
    if (hit == found.end()) {
      ADD_FAILURE() << label(role) << " lacks '" << pattern << "' = " << shown(text) << "; it has\n"
                    << world.picture(roles_[role]);
    } else {
      explained.insert(hit->first);
    }
  }
  for (const auto& [path, text] : found) {
    EXPECT_TRUE(explained.contains(path))
        << label(role) << " has '" << path << "' = " << shown(text);
  }
}

void Lab::expect(std::initializer_list<std::pair<std::string, std::string>> tree) {
  for (std::size_t role = 0; role < roles_.size(); ++role) {
    if (at(role).traits().online) {
      expect_at(role, tree);
    }
  }
}

void Lab::expect_winner(std::size_t winner, const std::array<std::string, 2>& texts) {
  expect({{"a.txt", texts[winner]}, {copy_of(*this, 1 - winner), texts[1 - winner]}});
}

void in_every_arrangement(std::size_t roles, const plan::Policy& policy, const Case& run) {
  in_every_arrangement(roles, policy,
                       {Store::kLocal, Store::kNetwork, Store::kCloud, Store::kMixed}, run);
}

void in_every_arrangement(std::size_t roles, const plan::Policy& policy,
                          const std::vector<Store>& stores, const Case& run) {
  for (std::size_t count = std::max<std::size_t>(2, roles); count <= kMaxCount; ++count) {
    for (const Arrangement& arrangement : arrangements(count, roles, stores)) {
      SCOPED_TRACE(arrangement.text());
      Lab lab(arrangement, policy);
      run(lab);
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
}

void in_mode(const plan::Policy& policy, std::size_t roles, const Case& run) {
  in_every_arrangement(roles, policy, [&run](Lab& lab) {
    auto& order = lab.world.policy.order;
    std::erase(order, lab.replica_of(0));
    order.insert(order.begin(), lab.replica_of(0));
    run(lab);
  });
}

}  // namespace ox::toy
