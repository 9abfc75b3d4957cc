# SPDX-License-Identifier: Apache-2.0
"""A laboratory of hosts, guests and wires on one machine, for the demo and the system tests."""
