# SPDX-License-Identifier: Apache-2.0
"""The demo: two hosts, two tenants, one overlay, security groups in force."""
