// SPDX-License-Identifier: Apache-2.0
// Token keys for the command line: reading one to sign with, making a new one. Command line only;
// trusts its user.
#pragma once

#include <sys/types.h>
#include <string>
#include "admin/signing_key.hpp"
#include "common/error.hpp"
#include "common/secret.hpp"

namespace dc::admin {

// The key in `file`, or in DOCKER_CONTROL_JWT_SECRET when `file` is empty; refused when the broker
// would refuse it. One newline at the end of a file does not belong to the key.
Result<SigningKey> read_key(const std::string& file);

// `size` random bytes as base64url.
Result<Secret> make_random(std::size_t size);

// Writes a new file of mode `mode` with `key` and a newline where it ends in none; never
// overwrites.
Result<void> write_key(const std::string& file, std::string_view key, mode_t mode);

}  // namespace dc::admin
