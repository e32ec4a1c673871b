"""What is kept of a proof: one document, its file, its verification, its page."""
