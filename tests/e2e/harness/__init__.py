# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests stand on: a private Engine, the service, witnesses and fakes."""
