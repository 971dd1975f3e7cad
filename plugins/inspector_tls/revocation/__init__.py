"""Whether issuers have revoked the certificates presented: their responders and lists are asked, where one may."""
