#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/sync.h"
#include "app/why.h"
#include "cli/options.h"

/// Sentences and lines of the text output.
namespace ox::cli {

/// "label: path", with as much of it as there is.
std::string place_of(std::string_view label, const RelPath& path);
std::string line_of(const state::RunRecord& run);
std::string line_of(const state::Problem& problem, const std::vector<std::string>& labels);
std::string line_of(const app::ConflictStatus& conflict);
/// What a run came to, and what to type next.
std::string verdict_of(const app::SyncResult& result, const Options& options);
/// What stands in each folder, what is agreed, and which pattern decides.
std::vector<std::string> lines_of(const app::Why& why);
std::vector<std::string> lines_of(const app::NamedRule& rule);

}  // namespace ox::cli
