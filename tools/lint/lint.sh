#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The lint step: every check runs, every finding is printed, and the exit status says whether there was one.
set -u
build=${1:-build}
status=0

check() { # check NAME COMMAND...: prints the command's output under NAME when it fails
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "lint: $name: ok"
    else
        echo "lint: $name:"
        printf '%s\n' "$output" | sed 's/^/    /'
        status=1
    fi
}

sources() { git ls-files --cached --others --exclude-standard -- "$@"; }

format() { sources '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror; }

spdx() {
    ! sources '*.c' '*.h' '*.py' '*.sh' '*meson.build' Makefile |
        xargs grep -L 'SPDX-License-Identifier: Apache-2.0' | grep .
}

whitespace() { ! sources '*.c' '*.h' '*.py' '*.sh' '*.md' '*.build' Makefile | xargs grep -nE '[[:space:]]+$' /dev/null; }

shell() { local bad=0; for file in $(sources '*.sh'); do bash -n "$file" || bad=1; done; return $bad; }

python() { sources '*.py' | xargs /usr/bin/python3 -m py_compile; }

spelling() { sources '*.c' '*.h' '*.py' '*.sh' '*.md' | xargs codespell -q 3 -L ect,ECT,sluice,ans,fo,te,nd,hop-by,inout,stap; }

# gcc's warnings are errors in the build itself; clang sees other things.
clang() {
    /usr/bin/python3 tools/lint/clang_check.py "$build"
}

check format format
check 'SPDX lines' spdx
check whitespace whitespace
check 'shell syntax' shell
check 'python syntax' python
check spelling spelling
check 'include arrows, headers, sizes' /usr/bin/python3 tools/lint/structure.py
check 'clang warnings' clang
exit $status
