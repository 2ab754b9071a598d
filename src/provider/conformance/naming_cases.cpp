#include "provider/conformance/support.h"

namespace ox::provider::conformance {
namespace {

std::unique_ptr<Batch> begin(Root& root) {
  auto batch = root.provider().begin_batch();
  EXPECT_OK(batch);
  return std::move(batch).value();
}

std::vector<std::string> odd_names() {
  return {"new\nline",
          "tab\there",
          "trailing ",
          "trailing.",
          " leading",
          "-rf",
          "~2",
          "back\\slash",
          "co:lon",
          "qu\"ote",
          "st*r?",
          "...",
          "\xFF\xFE raw",
          "e\xCC\x81-nfd",
          "\xC3\xA9-nfc",
          "\xF0\x9F\xA6\x8A",
          "percent%2F",
          "nul",
          std::string(255, 'n')};
}

void odd_names_come_back_as_they_went(Root& root) {
  const tree::NameRules& rules = root.provider().capabilities().names;
  const auto batch = begin(root);
  std::size_t taken = 0;
  for (const std::string& name : odd_names()) {
    const RelPath path = RelPath{}.child(name);
    const Staged staged = stage_bytes(*batch, "bytes of " + name);
    const auto published = batch->publish(staged, path, Precondition::absent(), kTrash);
    if (rules.refusal(name).has_value()) {
      EXPECT_FALSE(published.ok()) << name;
      continue;
    }
    ASSERT_OK(published) << name;
    ++taken;
    EXPECT_EQ(name, published->entry.name);
    EXPECT_EQ("bytes of " + name, root.read(path)) << name;
    const auto looked = root.provider().look(path);
    ASSERT_OK(looked) << name;
    EXPECT_EQ(name, looked->name);
    const auto removed = root.provider().remove(path, looked->fingerprint, kTrash);
    ASSERT_OK(removed) << name;
    const auto source = root.provider().open_trashed((*removed)->path);
    ASSERT_OK(source) << name;
    EXPECT_EQ("bytes of " + name, read_all(**source));
    ASSERT_OK(root.provider().restore_trashed((*removed)->path, path)) << name;
  }
  const auto entries = root.provider().list(at(""), nullptr, {});
  ASSERT_OK(entries);
  EXPECT_EQ(taken, entries->size());
}

void the_longest_name_goes_to_the_trash_twice(Root& root) {
  const std::string name(root.provider().capabilities().names.max_name_bytes, 'n');
  const RelPath path = RelPath{}.child(name);
  std::vector<RelPath> trashed;
  for (const std::string bytes : {"first", "second"}) {
    root.write(path, bytes);
    const auto looked = root.provider().look(path);
    ASSERT_OK(looked);
    const auto removed = root.provider().remove(path, looked->fingerprint, kTrash);
    ASSERT_OK(removed);
    trashed.push_back((*removed)->path);
  }
  EXPECT_NE(trashed[0], trashed[1]);
  for (const RelPath& trash_path : trashed) {
    EXPECT_OK(root.provider().open_trashed(trash_path));
  }
}

void our_own_folder_is_nobodys_target(Root& root) {
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "x");
  const RelPath own = RelPath{}.child(kOwnFolder);
  EXPECT_CODE(Code::kNameInvalid, batch->publish(staged, own, Precondition::absent(), kTrash));
  EXPECT_CODE(Code::kNameInvalid,
              batch->publish(staged, own.child("x"), Precondition::absent(), kTrash));
  if (root.provider().capabilities().directories) {
    EXPECT_CODE(Code::kNameInvalid, root.provider().make_directory(own, std::nullopt));
    root.make_directory(at("d"));
    EXPECT_CODE(Code::kNameInvalid,
                root.provider().make_directory(at("d").child(kOwnFolder), std::nullopt));
  }
  root.write(at("file"), "y");
  EXPECT_CODE(Code::kNameInvalid,
              root.provider().move(at("file"), own.child("file"), print_of(root, "file")));
  EXPECT_EQ("y", root.read(at("file")));
}

void names_that_fold_collide(Root& root) {
  Provider& provider = root.provider();
  const bool folds = provider.capabilities().names.case_rule == tree::CaseRule::kFolds;
  root.write(at("name"), "lower");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "upper");
  const auto published = batch->publish(staged, at("NAME"), Precondition::absent(), kTrash);
  if (!folds) {
    ASSERT_OK(published);
    EXPECT_EQ((std::vector<std::string>{"NAME", "name"}), names_in(root, ""));
    return;
  }
  EXPECT_CODE(Code::kExists, published);
  EXPECT_EQ("lower", root.read(at("name")));
  const auto moved = provider.move(at("name"), at("NAME"), print_of(root, "name"));
  ASSERT_OK(moved) << "changing only the case of a name";
  EXPECT_EQ("NAME", moved->name);
  EXPECT_EQ(std::vector<std::string>{"NAME"}, names_in(root, ""));
  EXPECT_EQ("lower", root.read(at("NAME")));
  root.write(at("directory/inside/file"), "in it");
  const auto renamed = provider.move(at("directory"), at("Directory"), print_of(root, "directory"));
  ASSERT_OK(renamed) << "changing only the case of a directory's name";
  EXPECT_EQ("Directory", renamed->name);
  EXPECT_EQ((std::vector<std::string>{"Directory", "NAME"}), names_in(root, ""));
  EXPECT_EQ("in it", root.read(at("Directory/inside/file")));
}

void names_that_compose_collide(Root& root) {
  Provider& provider = root.provider();
  const bool composes =
      provider.capabilities().names.normalization == tree::NormalizationRule::kComposes;
  root.write(at("\xC3\xA9"), "composed");
  const auto batch = begin(root);
  const Staged staged = stage_bytes(*batch, "decomposed");
  const auto published = batch->publish(staged, at("e\xCC\x81"), Precondition::absent(), kTrash);
  if (composes) {
    EXPECT_CODE(Code::kExists, published);
  } else {
    ASSERT_OK(published);
    EXPECT_EQ("composed", root.read(at("\xC3\xA9")));
    EXPECT_EQ("decomposed", root.read(at("e\xCC\x81")));
  }
}

}  // namespace

std::vector<Case> naming_cases() {
  return {{"OddNamesComeBackAsTheyWent", odd_names_come_back_as_they_went},
          {"TheLongestNameGoesToTheTrashTwice", the_longest_name_goes_to_the_trash_twice},
          {"OurOwnFolderIsNobodysTarget", our_own_folder_is_nobodys_target},
          {"NamesThatFoldCollide", names_that_fold_collide},
          {"NamesThatComposeCollide", names_that_compose_collide}};
}

}  // namespace ox::provider::conformance
