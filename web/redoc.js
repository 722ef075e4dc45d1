// SPDX-License-Identifier: Apache-2.0
// Starts Redoc on the page /api/v1/redoc.
window.addEventListener("load", () => {
  Redoc.init("openapi.json", {}, document.getElementById("redoc"));
});
