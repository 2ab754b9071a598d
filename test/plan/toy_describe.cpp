#include "plan/toy_describe.h"

#include <string_view>

namespace ox::toy {

namespace {

std::string_view word_for(plan::OperationKind kind) {
  switch (kind) {
    case plan::OperationKind::kMakeDirectory:
      return "make_directory";
    case plan::OperationKind::kMove:
      return "move";
    case plan::OperationKind::kExchange:
      return "exchange";
    case plan::OperationKind::kPark:
      return "park";
    case plan::OperationKind::kUnpark:
      return "unpark";
    case plan::OperationKind::kPut:
      return "put";
    case plan::OperationKind::kSetAttributes:
      return "set_attributes";
    case plan::OperationKind::kRemove:
      return "remove";
  }
  return "?";
}

/// Seconds since the toy world began, as short as they can be told apart.
std::string text_of(Timestamp time) {
  constexpr std::int64_t kBegin = 1'700'000'000'000'000'000;
  return time.ns == 0 ? "0" : std::to_string(static_cast<double>(time.ns - kBegin) / 1e9);
}

std::string text_of(const tree::Content& content, tree::Kind kind) {
  if (kind == tree::Kind::kDirectory) {
    return "directory";
  }
  if (kind == tree::Kind::kSymlink) {
    return "-> " + content.link_target.text();
  }
  return (content.digest.has_value() ? content.digest->to_hex().substr(0, 8) : "unread") + " of " +
         std::to_string(content.size) + " @" + text_of(content.mtime);
}

std::string text_of(const tree::Fingerprint& print) {
  return "#" + std::to_string(print.id) + " size " + std::to_string(print.size) + " @" +
         text_of(print.mtime) + " changed " + text_of(print.ctime) + (print.racy ? " racy" : "") +
         (print.revision.empty() ? "" : " " + print.revision.text());
}

std::string text_of(const tree::ReplicaSide& side) {
  std::string text = side.acknowledged.has_value()
                         ? describe(side.acknowledged->value) + " by " +
                               text_of(side.acknowledged->fingerprint) +
                               (side.acknowledged->assumed ? " assumed" : "")
                         : "none";
  if (side.waived.has_value()) {
    text += " waived " + text_of(*side.waived, tree::Kind::kFile);
  }
  return text;
}

std::string describe_updates(const std::string& title,
                             const std::vector<plan::RecordUpdate>& updates) {
  std::string text;
  for (const plan::RecordUpdate& update : updates) {
    text += "  " + title + " of node " + std::to_string(update.id.value) + ": " +
            (update.agreed.has_value() ? describe(*update.agreed) : "gone") +
            (update.forget ? " forget" : "") + "\n";
    for (std::size_t i = 0; i < update.sides.size(); ++i) {
      if (update.sides[i].has_value()) {
        text += "    side " + std::to_string(i) + ": " + text_of(*update.sides[i]) + "\n";
      }
    }
  }
  return text;
}

}  // namespace

std::string describe(const tree::NodeValue& value) {
  std::string text = "'" + value.name + "' in " + std::to_string(value.parent.value) + ": " +
                     text_of(value.content, value.kind);
  if (value.attributes.mode != tree::kModeUnknown) {
    text += " m" + std::to_string(value.attributes.mode);
  }
  return value.attributes.xattrs == 0 ? text
                                      : text + " x" + std::to_string(value.attributes.xattrs);
}

std::string describe(const tree::NodeRecord& record) {
  std::string text = "node " + std::to_string(record.id.value) + ": " +
                     (record.agreed.has_value() ? describe(*record.agreed) : "gone") + "\n";
  for (std::size_t i = 0; i < record.sides.size(); ++i) {
    text += "      side " + std::to_string(i) + ": " + text_of(record.sides[i]) + "\n";
  }
  return text;
}

std::string describe(const plan::Operation& operation) {
  return "replica " + std::to_string(operation.replica) + " " +
         std::string(word_for(operation.kind)) + " node " + std::to_string(operation.node.value) +
         (operation.from.is_root() ? "" : " '" + operation.from.text() + "' to") + " '" +
         operation.path.text() + "' as " + describe(operation.value) +
         (operation.expected.has_value() ? " expecting " + text_of(*operation.expected) : "");
}

std::string describe(const ToyStore& store) {
  std::string text;
  for (const auto& [id, record] : store.records()) {
    text += "    " + describe(record);
  }
  return text;
}

std::string describe(const plan::Plan& plan) {
  std::string text =
      describe_updates("adopted", plan.adopted) + describe_updates("structure", plan.structure) +
      describe_updates("removal", plan.removals) + describe_updates("finished", plan.finished);
  const auto add = [&](const std::vector<plan::Operation>& operations) {
    for (const plan::Operation& operation : operations) {
      text += "  " + describe(operation) + "\n";
    }
  };
  for (const auto& operations : plan.structure_operations) {
    add(operations);
  }
  for (const plan::ContentTask& task : plan.content) {
    text += describe_updates("content", {task.update});
    add(task.operations);
    for (const plan::Supplier& supplier : task.suppliers) {
      text += "    from replica " + std::to_string(supplier.replica) + " '" + supplier.path.text() +
              "'\n";
    }
  }
  for (const auto& operations : plan.removal_operations) {
    add(operations);
  }
  add(plan.source_removals);
  for (const plan::Conflict& conflict : plan.conflicts) {
    text += "  conflict " + conflict.kind + " '" + conflict.path.text() + "' copy '" +
            conflict.copy_path.text() + "' " + conflict.winner + " over " + conflict.loser + "\n";
  }
  for (const plan::Report& report : plan.reports) {
    text += "  report " + report.code + " '" + report.path.text() + "' on " +
            (report.replica.has_value() ? std::to_string(*report.replica) : "all") + "\n";
  }
  return text;
}

}  // namespace ox::toy
