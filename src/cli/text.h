#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace ox::cli {

/// A path or other foreign bytes for a terminal: what is no printable UTF-8 is written \xHH, so
/// that a name can neither break a line nor command the terminal.
std::string shown(std::string_view bytes);

/// Strict UTF-8 or not, for JSON.
std::string base64(std::string_view bytes);

/// "1.5 MiB".
std::string shown_size(std::uint64_t bytes);
/// "3 files", "1 file".
std::string counted(std::uint64_t count, std::string_view one, std::string_view many);
/// "2026-11-23 10:15:00Z".
std::string shown_time(Timestamp time);
/// "1h 05m", "42s".
std::string shown_duration(std::int64_t seconds);

/// A sentence of ours with its context, foreign bytes made visible.
std::string shown_error(const Error& error);

}  // namespace ox::cli
