"""Who may do what: accounts, passwords, tokens, browser sessions, and what routes ask of them."""

import lazy_loader

# Lazy, so that the command line makes a token without loading a web server.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "roles": ["Contributor", "Curator", "Reader", "Runner", "Visitor"],
        "routes": ["router"],
        "store": ["Accounts"],
    },
)
