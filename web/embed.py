#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py TABLE.cpp DATA.S NAME... -- FILE...: puts files into a program, by .incbin.

The front can open no file, so the API pages travel inside it. TABLE.cpp defines
dc::daemon::docs_assets() over the data, each file under its name.
"""

import sys
from pathlib import Path

TABLE = """\
// Made by web/embed.py.
#include <array>
#include "daemon/docs_assets.hpp"

{declarations}
namespace dc::daemon {{

std::span<const DocsAsset> docs_assets() {{
  static const std::array<DocsAsset, {count}> kAssets{{{{
{rows}  }}}};
  return kAssets;
}}

}}  // namespace dc::daemon
"""

DATA = """\
/* Made by web/embed.py. */
  .section .rodata
{blobs}
  .section .note.GNU-stack,"",%progbits
"""


def quoted(text):
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def main(table, data, *arguments):
    split = arguments.index("--")
    names, files = arguments[:split], [Path(file).resolve() for file in arguments[split + 1 :]]
    assets = list(enumerate(zip(names, files, strict=True)))
    declarations = [f'extern "C" const char dc_docs_asset_{i}[];\n' for i, _ in assets]
    rows = [
        f"    {{{quoted(name)}, {{dc_docs_asset_{i}, {file.stat().st_size}}}}},\n"
        for i, (name, file) in assets
    ]
    blobs = [
        f"  .global dc_docs_asset_{i}\n  .balign 16\ndc_docs_asset_{i}:\n  .incbin {quoted(file)}\n"
        for i, (_, file) in assets
    ]
    Path(table).write_text(
        TABLE.format(declarations="".join(declarations), count=len(assets), rows="".join(rows))
    )
    Path(data).write_text(DATA.format(blobs="".join(blobs)))


main(*sys.argv[1:])
