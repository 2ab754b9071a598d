#pragma once

#include "provider/provider.h"
#include "state/journal.h"

namespace ox::sync {

/// Where a file system can neither refuse to replace nor link, a free name is first taken by an
/// empty file or directory of our own, over which the real one is renamed (Cas::kRacy). A crash in
/// between leaves that under a final name, where it would count as somebody's new file. Takes away
/// what `action`, which is not done, may have left so: something empty that stands where something
/// else was to come. An empty file that a user made there since goes as well; it holds nothing.
void clear_placeholder(provider::Provider& provider, const state::Action& action,
                       const provider::TrashFolder& trash);

/// Is this entry of the trash such a placeholder, and not the version `before`?
bool is_placeholder_in_trash(const tree::Entry& entry, const tree::Entry& before);

}  // namespace ox::sync
