"""TLS messages as bytes: code points, ClientHello, server flight, key exchange, key schedule."""
