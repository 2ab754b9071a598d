#include "cli/text_parts.h"

#include <fmt/format.h>

#include "cli/output.h"
#include "cli/text.h"

namespace ox::cli {

namespace {

/// The words of the rule as a shell takes them.
std::string rule_words(const Options& options) {
  std::string text;
  for (const std::string& word : options.words) {
    const bool plain = word.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789/._-+,:@%") == std::string::npos;
    text += " ";
    if (plain) {
      text += word;
      continue;
    }
    text += "'";
    for (const char letter : word) {
      text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    text += "'";
  }
  return shown(text);
}

std::string changes_of(const sync::RunCounts& counts) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view word) {
    if (count != 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
    }
  };
  add(counts.created, "created");
  add(counts.updated, "updated");
  add(counts.moved, "moved");
  add(counts.removed, "removed");
  add(counts.directories, counts.directories == 1 ? "directory made" : "directories made");
  add(counts.attributes, "with new attributes");
  add(counts.failed, "failed");
  if (counts.bytes != 0) {
    text += " (" + shown_size(counts.bytes) + ")";
  }
  return text;
}

std::string undo_hint(const sync::RunReport& report) {
  if (report.id.value == 0) {
    return "";
  }
  return fmt::format(" Run {}; `syncoxiders undo {}` takes it back.", report.id.value,
                     report.id.value);
}

std::string describe(tree::Kind kind, const tree::Content& content,
                     const tree::Attributes& attributes) {
  std::string text(name_of(kind));
  if (kind == tree::Kind::kFile) {
    text += fmt::format(", {}, modified {}", shown_size(content.size), shown_time(content.mtime));
  } else if (kind == tree::Kind::kSymlink) {
    text += " to " + shown(content.link_target);
  }
  if (attributes.mode != tree::kModeUnknown) {
    text += fmt::format(", mode {:04o}", attributes.mode);
  }
  return text;
}

std::string filter_words(const app::WhyRoot& root) {
  static constexpr std::string_view kBecause = "left out here: ";
  switch (root.verdict) {
    case tree::Verdict::kIncluded:
      break;
    case tree::Verdict::kTooSmall:
      return std::string(kBecause) + "it is smaller than min-size";
    case tree::Verdict::kTooLarge:
      return std::string(kBecause) + "it is larger than max-size";
    case tree::Verdict::kTooOld:
      return std::string(kBecause) + "it is older than max-age";
    case tree::Verdict::kTooNew:
      return std::string(kBecause) + "it is newer than min-age";
    case tree::Verdict::kExcludedByPattern:
      break;
  }
  if (!root.decision.has_value()) {
    return "";
  }
  const tree::Filter::Decision& decision = *root.decision;
  return fmt::format("{} by '{}', line {} of {}", decision.excludes ? "left out here" : "let in",
                     shown(decision.pattern), decision.line,
                     root.decided_by.empty() ? "the patterns" : shown(root.decided_by));
}

std::string read_again_in(const app::SyncResult& result, const Options& options) {
  const bool scrubs = options.settings.scrub.value_or(false);
  return scrubs ? fmt::format(" {} read again and found right.",
                              counted(result.report.counts.read_again, "file was", "files were"))
                : "";
}

}  // namespace

std::string place_of(std::string_view label, const RelPath& path) {
  std::string text = shown(label);
  if (!path.is_root()) {
    text += (text.empty() ? "" : ": ") + shown(path.text());
  }
  return text;
}

std::string line_of(const state::RunRecord& run) {
  std::string line = fmt::format("run {}  {}  {}  {}", run.id.value, shown_time(run.started),
                                 shown(run.command), name_of(run.outcome));
  line += "  " + counted(run.actions, "change", "changes");
  if (run.bytes != 0) {
    line += ", " + shown_size(run.bytes);
  }
  if (run.conflicts != 0) {
    line += ", " + counted(run.conflicts, "conflict", "conflicts");
  }
  if (run.problems != 0) {
    line += ", " + counted(run.problems, "problem", "problems");
  }
  return run.message.empty() ? line : line + "  " + shown(run.message);
}

std::string line_of(const app::ConflictStatus& conflict) {
  const state::ConflictRecord& record = conflict.record;
  std::string line =
      fmt::format("run {}  {}  {}", record.run.value, record.kind, shown(record.path.text()));
  if (!record.winner.empty()) {
    line += fmt::format("  {} over {}", shown(record.winner), shown(record.loser));
  }
  if (!record.copy_path.is_root()) {
    line += fmt::format("  other version: {}{}", shown(record.copy_path.text()),
                        conflict.copy_stands ? "" : " (gone)");
  }
  return line;
}

std::string line_of(const state::Problem& problem, const std::vector<std::string>& labels) {
  const std::string place = place_of(label_of(labels, problem.replica), problem.path);
  return (place.empty() ? "" : place + ": ") + shown(problem.message);
}

std::string verdict_of(const app::SyncResult& result, const Options& options) {
  const sync::RunReport& report = result.report;
  const std::string changes = changes_of(report.counts);
  if (options.dry_run || options.command == Command::kCheck) {
    if (result.exit == app::ExitCode::kRoot) {
      return "A folder could not be read; nothing is known of it.";
    }
    const std::string held =
        report.held.empty() ? "" : fmt::format(" {} would be held.", report.held.size());
    return (changes.empty() && report.conflicts.empty()
                ? std::string("Nothing to do: ") + "the folders are the same."
            : changes.empty()
                ? "To do: " + counted(report.conflicts.size(), "conflict", "conflicts") + "."
                : "To do: " + changes + ".") +
           held + (options.dry_run ? " Nothing was changed." : "") + read_again_in(result, options);
  }
  switch (result.exit) {
    case app::ExitCode::kInSync:
      if (changes.empty()) {
        return fmt::format("In sync: nothing to do ({} seen).",
                           counted(report.counts.scanned, "entry", "entries")) +
               read_again_in(result, options);
      }
      return "In sync: " + changes + "." + undo_hint(report) + read_again_in(result, options);
    case app::ExitCode::kHeld:
      return fmt::format(
          "Held: {} for approval{}. Look: `syncoxiders approve --list{}`; let it through: "
          "`syncoxiders approve{}`, then sync again.",
          counted(report.held.size(), "change waits", "changes wait"),
          changes.empty() ? "" : "; done: " + changes, rule_words(options), rule_words(options));
    case app::ExitCode::kPartly:
      return fmt::format(
          "Partly done: {}{}. See above, and run again.", changes,
          (changes.empty() ? "" : "; ") + counted(report.problems.size(), "problem", "problems"));
    case app::ExitCode::kRoot:
      return "Not synced: a folder could not be read. Nothing was deleted; run again when it can.";
    default:
      return "Not synced: " + (changes.empty() ? "nothing was changed" : changes) + ".";
  }
}

std::vector<std::string> lines_of(const app::Why& why) {
  std::vector<std::string> lines;
  for (const app::WhyRoot& root : why.roots) {
    std::string line = shown(root.path) + ": ";
    if (!root.online) {
      line += "the folder is away: " + shown(root.trouble);
    } else if (!root.trouble.empty()) {
      line += "can't be told: " + shown(root.trouble);
    } else if (root.entry.has_value()) {
      line += describe(root.entry->kind, root.entry->content, root.entry->attributes);
      line += root.in_sync ? "; in sync" : "; not in sync";
    } else {
      line += "nothing stands there";
    }
    lines.push_back(std::move(line));
    if (const std::string words = filter_words(root); !words.empty()) {
      lines.push_back("  " + words);
    }
  }
  lines.push_back("Agreed: " +
                  (why.agreed.has_value()
                       ? describe(why.agreed->kind, why.agreed->content, why.agreed->attributes)
                       : std::string("nothing")));
  return lines;
}

std::vector<std::string> lines_of(const app::NamedRule& rule) {
  std::vector<std::string> lines{"Rule " + rule.name};
  for (const std::string& root : rule.roots) {
    lines.push_back("  " + shown(root));
  }
  const app::Settings& settings = rule.settings;
  std::string how =
      "  mode " + std::string(plan::name_of(settings.mode.value_or(plan::Mode::kTwoWay)));
  if (settings.keep_mode.has_value()) {
    how += ", keep-mode " + std::string(plan::name_of(*settings.keep_mode));
  }
  if (settings.auto_merge.value_or(false)) {
    how += ", merges texts";
  }
  lines.push_back(std::move(how));
  if (!settings.ignores.empty() || !settings.ignores_on.empty()) {
    lines.emplace_back("  leaves files out by patterns");
  }
  if (!settings.on_failure.empty()) {
    lines.push_back("  on failure: " + shown(settings.on_failure));
  }
  return lines;
}

}  // namespace ox::cli
