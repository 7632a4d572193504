"""The documents as a site: what is written in `docs/`, and what is made from the code and from recorded runs."""
