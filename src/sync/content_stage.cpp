#include <algorithm>

#include "base/expects.h"
#include "provider/xattrs.h"
#include "sync/content.h"
#include "sync/sources.h"

namespace ox::sync {

namespace {

/// Smaller files are read at once rather than asked first whether somebody writes them: the check
/// after the reading tells as well.
constexpr std::uint64_t kAskFirstBytes = 1U << 20U;

}  // namespace

bool puts_bytes(const plan::ContentTask& task) {
  return std::ranges::any_of(task.operations, [](const plan::Operation& operation) {
    return operation.kind == plan::OperationKind::kPut;
  });
}

void Transfer::judge_readiness() {
  ready = !puts_bytes(*task) || std::ranges::any_of(parts, [](const TransferPart& part) {
    return part.staged.has_value();
  });
}

void ContentBatch::drop(ReplicaIndex replica, const Error& why) {
  for (NewDirectory& directory : directories) {
    if (directory.operation->replica == replica && directory.staged.has_value()) {
      directory.staged.reset();
      directory.error = why;
    }
  }
  for (Transfer& transfer : transfers) {
    for (TransferPart& part : transfer.parts) {
      if (part.operation->replica == replica && part.staged.has_value()) {
        part.staged.reset();
        part.error = why;
      }
    }
    transfer.judge_readiness();
  }
}

bool ContentBatch::has_anything_ready() const {
  return std::ranges::any_of(transfers, &Transfer::ready) ||
         std::ranges::any_of(directories, [](const NewDirectory& directory) {
           return directory.staged.has_value() && !directory.error.has_value();
         });
}

void Stager::begin() {
  for (ReplicaIndex i = 0; i < batches_.size(); ++i) {
    const auto closed = run_.closed.find(i);
    closed_[i] = closed == run_.closed.end() ? std::nullopt : std::optional(closed->second.why);
  }
}

void Stager::stage(NewDirectory& directory, std::stop_token stop) {
  const plan::Operation& operation = *directory.operation;
  provider::StageRequest request{.kind = tree::Kind::kDirectory, .place = directory.place};
  if (operation.value.attributes.mode != tree::kModeUnknown) {
    request.attributes = operation.value.attributes;
    // Until all is in it; a narrower mode is set with the other attributes.
    request.attributes->mode |= 0700U;
  }
  if (batches_[operation.replica] == nullptr) {
    directory.error = closed_[operation.replica];
    return;
  }
  Result<provider::Staged> staged = batches_[operation.replica]->stage(request, std::move(stop));
  if (staged.ok()) {
    directory.staged = std::move(*staged);
  } else {
    directory.error = staged.error();
  }
}

void Stager::stage(Transfer& transfer, Patience patience, std::stop_token stop) {
  for (TransferPart& part : transfer.parts) {
    if (part.operation->kind != plan::OperationKind::kPut || part.staged.has_value()) {
      continue;
    }
    if (batches_[part.operation->replica] == nullptr) {
      part.error = closed_[part.operation->replica];
      continue;
    }
    run_.services.progress->set_current(part.operation->path.text());
    Result<provider::Staged> staged = stage_part(transfer, part, patience, stop);
    if (staged.ok()) {
      part.staged = std::move(*staged);
      part.error.reset();
    } else {
      part.error = staged.error();
    }
  }
  transfer.judge_readiness();
}

void Stager::read_back(Transfer& transfer, std::stop_token stop) {
  transfer.misread = false;
  for (TransferPart& part : transfer.parts) {
    if (!part.staged.has_value() || !part.staged->digest.has_value()) {
      continue;
    }
    provider::Batch& batch = *batches_[part.operation->replica];
    const Result<Digest> read = batch.read_back(*part.staged, stop);
    if (read.ok() && *read == part.staged->digest) {
      continue;
    }
    part.error = read.ok() ? Error(Code::kCorrupt, "reads back differently from what was written")
                                 .with_context(part.operation->path.text())
                           : read.error();
    batch.discard(*part.staged);
    part.staged.reset();
    transfer.misread = true;
  }
  transfer.judge_readiness();
}

provider::StageRequest Stager::request_for(const plan::Operation& operation, const RelPath& place,
                                           std::stop_token stop) const {
  provider::StageRequest request{.kind = operation.value.kind,
                                 .mtime = operation.value.content.mtime,
                                 .link_target = operation.value.content.link_target.text(),
                                 .place = place};
  if (operation.value.attributes.mode != tree::kModeUnknown) {
    request.attributes = operation.value.attributes;
  }
  request.on_bytes = [this, stop = std::move(stop)](std::uint64_t bytes) -> Result<void> {
    run_.services.progress->add_done({.files = 0, .bytes = static_cast<std::int64_t>(bytes)});
    if (run_.services.rate_limit != nullptr) {
      return run_.services.rate_limit->acquire(bytes, stop);
    }
    return {};
  };
  return request;
}

Result<provider::Staged> Stager::stage_part(Transfer& transfer, const TransferPart& part,
                                            Patience patience, std::stop_token stop) {
  const plan::Operation& operation = *part.operation;
  provider::StageRequest request = request_for(operation, part.place, stop);
  if (operation.value.kind == tree::Kind::kSymlink) {
    return batches_[operation.replica]->stage(request, stop);
  }
  // By place: a node that a crash kept from being recorded gets another id in the next run.
  request.resume_key = operation.path.text() + '\n' + std::to_string(request.mtime.ns);
  if (transfer.task->suppliers.empty()) {
    const auto text = run_.merged.find(*operation.value.content.digest);
    expects(text != run_.merged.end());
    BytesSource source(text->second);
    request.source = &source;
    return stage_from(transfer, part, request, patience, stop);
  }
  Error last(Code::kNotFound, "no source");
  for (const plan::Supplier& supplier : transfer.task->suppliers) {
    const tree::Fingerprint& wanted =
        run_.current(supplier.replica, supplier.path, supplier.fingerprint);
    auto source = run_.provider(supplier.replica).open(supplier.path, &wanted);
    if (!source.ok()) {
      last = source.error();
      continue;
    }
    if (patience == Patience::kDefer && (*source)->size() >= kAskFirstBytes &&
        (*source)->verify_unchanged().failed_with(Code::kBusy)) {
      return Error(Code::kBusy, "is being written", Retry::kLater);
    }
    request.source = source->get();
    Result<provider::Staged> staged = stage_from(transfer, part, request, patience, stop);
    if (staged.ok() || staged.failed_with(Code::kNoSpace)) {
      return staged;
    }
    last = staged.error();
  }
  return last;
}

Result<provider::Staged> Stager::stage_from(Transfer& transfer, const TransferPart& part,
                                            const provider::StageRequest& request,
                                            Patience patience, std::stop_token stop) {
  provider::Batch& batch = *batches_[part.operation->replica];
  TRY_ASSIGN(provider::Staged staged, batch.stage(request, stop));
  const Result<void> verified = verify(transfer, part, request, staged, patience, stop);
  if (verified.ok()) {
    return staged;
  }
  batch.discard(staged);
  return verified.error();
}

/// Are the staged bytes one version of the source, and the one that was planned?
Result<void> Stager::verify(Transfer& transfer, const TransferPart& part,
                            const provider::StageRequest& request, const provider::Staged& staged,
                            Patience patience, std::stop_token stop) {
  if (const Result<void> unchanged = request.source->verify_unchanged(); !unchanged.ok()) {
    if (!unchanged.failed_with(Code::kBusy) || patience == Patience::kDefer) {
      return unchanged.error();
    }
    TRY_ASSIGN(const Digest again, digest_of_source(*request.source, std::move(stop)));
    if (again != staged.digest) {
      return Error(Code::kBusy, "is being written", Retry::kLater);
    }
    transfer.believed = true;
  }
  const std::optional<Digest>& planned = part.operation->value.content.digest;
  if ((planned.has_value() && staged.digest != planned) ||
      (transfer.digest.has_value() && staged.digest != transfer.digest)) {
    return Error(Code::kPreconditionFailed, "the bytes read are not the bytes planned");
  }
  transfer.digest = staged.digest;
  if (!transfer.xattrs.has_value()) {
    if (const auto xattrs = request.source->xattrs(); xattrs.ok()) {
      transfer.xattrs = provider::digest_of_xattrs(*xattrs);
    }
  }
  return {};
}

}  // namespace ox::sync
