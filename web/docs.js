// SPDX-License-Identifier: Apache-2.0
// Starts Swagger UI on the page /api/v1/docs. Nothing is asked of any other host: the document is
// not sent to an online validator, and a pasted token is forgotten with the page.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
});
