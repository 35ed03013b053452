"""Scrapy's settings: only what differs from its default, each line with the default and why.

What the configuration decides (User-Agent, delay) is set for each run by crawler.running.
"""

from __future__ import annotations

BOT_NAME = "tallytrail"  # "scrapybot"
SPIDER_MODULES = ["crawler.spiders"]  # []
NEWSPIDER_MODULE = "crawler.spiders"  # ""
COMMANDS_MODULE = "crawler.commands"  # "": `scrapy crawl` takes our lock and gives our exit codes

# In the order of the configuration, not the last page first
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"  # "...LifoMemoryQueue"

# Polite
ROBOTSTXT_OBEY = True  # False
CONCURRENT_REQUESTS_PER_DOMAIN = 1  # 8
DOWNLOAD_DELAY_JITTER = 0  # 0.5: a delay of 1 s must never be 0.5 s
RETRY_ENABLED = False  # True: twice at once, without a pause; the next crawl asks again
# Scrapy loads all that it is told of here, also what is switched off: without these two lists a
# fifth of a crawl's start goes into web libraries that nothing here uses. They name what stays on;
# what a later Scrapy adds does not come on by itself.
DOWNLOADER_MIDDLEWARES_BASE = {  # also robots.txt, and those that are switched off below
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": 50,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": 300,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": 850,
}
DOWNLOADER_MIDDLEWARES = {  # {}
    "crawler.manners.PoliteMiddleware": 50,
    # Scrapy's own lets every request but the first two through while robots.txt is on its way.
    "crawler.manners.RobotsMiddleware": 100,
    # Between the wire and everything that could alter an answer.
    "crawler.middlewares.ReceiveMiddleware": 900,
}
ITEM_PIPELINES = {"crawler.pipelines.ReadPipeline": 100}  # {}

# Whole bodies, unpacked by ourselves; see crawler.bodies
COMPRESSION_ENABLED = False  # True: returns what it can of half a body
DOWNLOAD_FAIL_ON_DATALOSS = False  # True: the bytes that prove the loss would be gone
DOWNLOAD_MAXSIZE = 16 * 1024 * 1024  # 1 GiB
DOWNLOAD_TIMEOUT = 20  # 180
MEMUSAGE_LIMIT_MB = 256  # 0: no limit
MEMUSAGE_CHECK_INTERVAL_SECONDS = 1  # 60: a crawl may be over before the second look

# Safe
DOWNLOAD_VERIFY_CERTIFICATES = True  # False: these are election results
DOWNLOAD_HANDLERS = {  # data, file, ftp and s3 are on too
    **dict.fromkeys(("data", "file", "ftp", "s3")),
    # Scrapy's own keeps connections, and asks a second time when the site has closed one.
    **dict.fromkeys(("http", "https"), "crawler.manners.OnceHandler"),
}
REDIRECT_ENABLED = False  # True: a redirect may leave the configured hosts
METAREFRESH_ENABLED = False  # True: so may this
REFERER_ENABLED = False  # True: tells one site what we read at another
COOKIES_ENABLED = False  # True: personal pages; also looks up other hosts
DNS_RESOLVER = "crawler.manners.PublicResolver"  # Scrapy's own: takes private addresses too
HTTPPROXY_ENABLED = False  # True: takes proxies from the environment without a word
TELNETCONSOLE_ENABLED = False  # True: listens on a port
REMOTE_CONTROL_ENABLED = False  # True: listens on a port
HTTPCACHE_ENABLED = False  # False, said again: a cached page is no look

# Quiet: cron mails on output
LOG_LEVEL = "ERROR"  # "DEBUG"
LOG_FORMAT = "%(levelname)s [%(name)s] %(message)s"  # with the local time
EXTENSIONS_BASE = {  # also statistics, the memory limit, and those that are off anyway
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.feedexport.FeedExporter": 0,
    "scrapy.extensions.spiderstate.SpiderState": 0,
}
# Scrapy's own limit also counts the memory of whoever started us.
EXTENSIONS = {"crawler.memory.MemoryLimit": 0}  # {}
FEED_EXPORT_ENCODING = "utf-8"  # None
