// In the page before the page's own scripts: notes what the content security policy had to stop.
window.__violations = [];
document.addEventListener("securitypolicyviolation", (violation) => {
  window.__violations.push(`${violation.violatedDirective}: ${violation.blockedURI || violation.sample}`);
});
