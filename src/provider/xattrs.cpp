#include "provider/xattrs.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/digest.h"

namespace ox::provider {

std::uint64_t digest_of_xattrs(const std::vector<Source::Xattr>& xattrs) {
  if (xattrs.empty()) {
    return 0;
  }
  ByteWriter writer;
  for (const Source::Xattr& xattr : xattrs) {
    writer.put_string(xattr.name);
    writer.put_string(as_text_view(xattr.value));
  }
  return std::max<std::uint64_t>(1, crypto::sha256(writer.bytes()).prefix64());
}

}  // namespace ox::provider
