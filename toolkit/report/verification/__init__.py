"""Let others check results: certificates that R recomputes, and pages verified against their manifest."""
