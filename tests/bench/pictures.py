# SPDX-License-Identifier: Apache-2.0
def draw(record):
    return []
