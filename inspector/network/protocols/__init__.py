"""Protocol clients on top of the gateway: HTTP, DNS, nmap."""
