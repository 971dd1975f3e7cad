"""Marks of pages that servers make by themselves: excerpts of what running ones sent."""

from __future__ import annotations

import pytest

from inspector_http.page_marks import marks_in

_TOMCAT = (
    "<html><head><title>HTTP Status 500 – Internal Server Error</title></head><body><p><b>Root Cause</b></p>"
    "<pre>java.lang.RuntimeException: x\n\torg.apache.jsp.boom_jsp._jspService(boom_jsp.java:121)\n"
    "\torg.apache.jasper.runtime.HttpJspBase.service(HttpJspBase.java:65)\n"
    "\tjakarta.servlet.http.HttpServlet.service(HttpServlet.java:658)\n</pre>"
)
_FOOT = '<hr class="line" /><h3>Apache Tomcat/10.1.60 (Debian)</h3></body></html>'
_EXPRESS = (
    "<!DOCTYPE html><html><head><title>Error</title></head><body><pre>Error: x<br> &nbsp; &nbsp;at /srv/a.js:1:48"
    "<br> &nbsp; &nbsp;at Layer.handleRequest (/srv/node_modules/router/lib/layer.js:152:17)</pre></body></html>"
)
_CLIENT_CERTIFICATE = (
    "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>\r\n<body>\r\n<center><h1>400 Bad"
    " Request</h1></center>\r\n<center>No required SSL certificate was sent</center>\r\n<hr><center>nginx/1.22.1"
    "</center>\r\n</body>\r\n</html>\r\n"
)


@pytest.mark.parametrize(
    ("page", "marks"),
    [
        (_TOMCAT + _FOOT, ("debug:Java", "version:Apache Tomcat")),
        (_FOOT, ("version:Apache Tomcat",)),
        (_EXPRESS, ("debug:Node.js",)),
        (_CLIENT_CERTIFICATE, ("client-certificate:nginx", "version:nginx")),
        (_CLIENT_CERTIFICATE.replace("/1.22.1", ""), ("client-certificate:nginx",)),
        ("<address>Apache/2.4.66 (Debian) Server at web.test Port 443</address>", ("version:Apache httpd",)),
        ("<address>Apache Server at web.test Port 443</address>", ()),
    ],
)
def test_what_a_server_writes_itself_is_recognised(page: str, marks: tuple[str, ...]) -> None:
    """Traces, versions, and a demand for a certificate of the client."""
    assert marks_in(page) == marks


@pytest.mark.parametrize(
    "page",
    [
        "<pre>\tjava.lang.String.valueOf(String.java:1)</pre>",
        "<p>Just a moment...</p>",
        "<title>Just a moment...</title><p>/cdn-cgi/</p>",
        "<title>Request Rejected</title><p>Why was my request rejected?</p>",
        "<p>Lịch bảo trì hệ thống</p>",
        "<title>400 Bad Request</title>",
        "<h3>Apache Tomcat</h3>",
    ],
)
def test_what_an_author_writes_is_none(page: str) -> None:
    """One line of a trace, a title or a sentence by itself."""
    assert marks_in(page) == ()
